from __future__ import annotations

import pytest

from registry.webhooks.domain.target import (
    WebhookUrlError,
    check_url,
    parse_target,
    require_loopback,
)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a?b=c",
        "https://10.0.0.7:8443/",
        "http://127.0.0.1:8080/hook",
        "http://127.9.8.7/",
        "http://[::1]:8080/hook",
        "http://localhost:1234",
    ],
)
def test_https_anywhere_and_plain_http_to_this_machine_are_taken(url: str) -> None:
    assert check_url(url).url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.0.0.7/", "plain http to a loopback address only"),
        ("http://0.0.0.0/", "plain http to a loopback address only"),
        ("http://169.254.169.254/latest", "plain http to a loopback address only"),
        ("http://[::ffff:10.0.0.1]/", "plain http to a loopback address only"),
        ("http://no-such-host.invalid/", "cannot be resolved"),
        ("ftp://127.0.0.1/", "expected http"),
        ("file:///etc/passwd", "expected http"),
        ("127.0.0.1:80", "expected http"),
        ("https://", "expected http"),
        ("", "expected http"),
        ("https://ada:pw@hooks.example.com/", "no user name or password"),
        ("http://127.0.0.1\\@10.0.0.7/", "no user name or password"),
        ("https://hooks.example.com/#x", "no fragment"),
        ("https://hooks.example.com/a b", "no fragment, blanks"),
        ("https://hooks.example.com:99999/", "found 'https://hooks"),
        ("https://[::1/", "expected a URL"),
    ],
)
def test_any_other_url_is_refused_with_what_was_expected(url: str, said: str) -> None:
    with pytest.raises(WebhookUrlError, match=said):
        check_url(url)


def test_one_address_elsewhere_spoils_a_name() -> None:
    target = parse_target("http://rebound.example.com/")
    with pytest.raises(WebhookUrlError, match=r"found 10\.0\.0\.7"):
        require_loopback(target, ["127.0.0.1", "10.0.0.7"])


def test_the_origin_tells_neither_path_nor_query() -> None:
    target = parse_target("https://hooks.example.com:8443/T0K3N?key=s3cret")
    assert target.origin == "https://hooks.example.com:8443"
