from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked
from infra.identity.errors import IdentitySettingsError, IdentitySourceError
from infra.identity.principal import Kind, Principal, Source
from infra.identity.proxy.settings import ProxySettings
from infra.identity.proxy.source import ProxySource
from infra.settings import Settings

PROXY = "192.0.2.7"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path).having(ProxySettings(peers=f"{PROXY}, 10.0.0.0/8"))


@pytest.fixture
def source(settings: Settings) -> ProxySource:
    return ProxySource.of(settings)


def asked(
    source: ProxySource, peer: str = PROXY, *, secret: str | None = "", **headers: str
) -> Asked:
    shown = source.secrets()[0] if secret == "" else secret
    given = {f"x-auth-request-{name}": text for name, text in headers.items()}
    if shown is not None:
        given["x-acgs-proxy-secret"] = shown
    return Asked([(name.encode(), text.encode()) for name, text in given.items()], peer)


def test_a_listed_proxy_that_shows_the_secret_is_believed(source: ProxySource) -> None:
    request = asked(source, user="Ren\u00e9e", groups='"CN=risk,OU=bank", \u0440\u0438\u0441\u043a')

    assert source.authenticate(request) == Principal(
        "Ren\u00e9e", Kind.PERSON, ("CN=risk,OU=bank", "\u0440\u0438\u0441\u043a"), Source.PROXY
    )


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_a_proxy_may_be_listed_by_its_network(source: ProxySource, peer: str) -> None:
    assert source.authenticate(asked(source, peer, user="alice"))


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.8", "::1", "", "unknown"])
@pytest.mark.parametrize("secret", ["", None])
def test_a_header_from_a_stranger_is_refused_even_with_the_secret(
    source: ProxySource, peer: str, secret: str | None
) -> None:
    with pytest.raises(UnauthenticatedError) as told:
        source.authenticate(asked(source, peer, secret=secret, user="alice"))
    assert told.value.code == "auth.proxy_peer"


@pytest.mark.parametrize("header", ["user", "groups"])
@pytest.mark.parametrize("secret", [None, "wrong", "\u0440" * 40])
def test_a_proxy_without_the_secret_is_refused(
    source: ProxySource, secret: str | None, header: str
) -> None:
    with pytest.raises(UnauthenticatedError) as told:
        source.authenticate(asked(source, secret=secret, **{header: "alice"}))
    assert told.value.code == "auth.proxy_secret"
    assert source.secrets()[0] not in str(told.value)


def test_the_secret_alone_from_a_stranger_is_refused(source: ProxySource) -> None:
    with pytest.raises(UnauthenticatedError):
        source.authenticate(asked(source, "127.0.0.1"))


def test_a_header_that_a_client_has_added_a_second_time_is_refused(source: ProxySource) -> None:
    once = asked(source, user="alice")
    twice = Asked([*once.headers, (b"x-auth-request-user", b"admin")], PROXY)

    with pytest.raises(UnauthenticatedError, match="found it 2 times"):
        source.authenticate(twice)


@pytest.mark.parametrize("user", ["ali\u200dce", "acgs", "anonymous", "x" * 300])
def test_a_name_that_could_pass_for_another_is_refused(source: ProxySource, user: str) -> None:
    with pytest.raises(UnauthenticatedError) as told:
        source.authenticate(asked(source, user=user))
    assert told.value.code == "auth.name"


def test_a_proxy_that_names_nobody_leaves_the_request_to_other_sources(source: ProxySource) -> None:
    assert source.authenticate(asked(source)) is None
    assert source.authenticate(asked(source, user="")) is None
    assert source.authenticate(Asked([], "127.0.0.1")) is None


def test_a_secret_is_replaced_without_a_gap(source: ProxySource, settings: Settings) -> None:
    file = settings.storage_root / "secrets" / "proxy.secret"
    old = file.read_text()
    assert len(old) >= 32

    file.write_text(f"{'n' * 40}\n{old}\n")
    for secret in (old, "n" * 40):
        assert source.authenticate(asked(source, secret=secret, user="alice"))
    file.write_text("n" * 40)
    with pytest.raises(UnauthenticatedError):
        source.authenticate(asked(source, secret=old, user="alice"))


@pytest.mark.parametrize("text", ["", " \n"])
def test_without_a_secret_nobody_is_let_in(
    source: ProxySource, settings: Settings, text: str
) -> None:
    (settings.storage_root / "secrets" / "proxy.secret").write_text(text)

    with pytest.raises(IdentitySourceError):
        source.authenticate(asked(source, secret="x" * 40, user="alice"))
    with pytest.raises(IdentitySourceError):
        source.check()


def test_a_short_secret_no_peer_and_one_header_twice_are_refused_at_the_start(
    tmp_path: Path, settings: Settings
) -> None:
    for given in (
        ProxySettings(),
        ProxySettings(peers=PROXY, user_header="X-A", groups_header="x-a"),
    ):
        with pytest.raises(IdentitySettingsError):
            ProxySource.of(Settings(storage_root=tmp_path).having(given))
    settings.folder("secrets").joinpath("proxy.secret").write_text("short")
    (settings.storage_root / "secrets" / "proxy.secret").chmod(0o600)
    with pytest.raises(IdentitySettingsError, match="at least 32"):
        ProxySource.of(settings)
