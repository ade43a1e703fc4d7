"""Serves a request's page, takes the forms on it, and shows what voters were shown."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from infra.clock import to_millis, utc_now
from infra.errors import PlatformError, RefusedError, UsageError
from infra.identity.current import Caller, acting, current_caller
from infra.identity.names import check_text
from infra.identity.principal import NOBODY, Principal
from infra.secrets import secret_file
from infra.settings import Settings
from infra.web.errors import OriginNotAllowedError
from infra.web.http import status_of
from registry.access.domain.verbs import Verb
from registry.access.errors import AccessDeniedError
from registry.access.permitted import permitted
from registry.bootstrap import Registry
from registry.domain.records import Request as RequestRecord
from registry.gate.domain.tally import is_lent
from registry.operations.requests import operations
from registry.plugin.routes import request_number
from registry.screens import page
from registry.screens.screen import gather
from registry.views import reads

T = TypeVar("T")
GUARDED = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    # A browser that may not say where a form comes from sends `Origin: null`, which is refused.
    "referrer-policy": "same-origin",
}
"""Nothing on the page may run, and no other page may show it in a frame."""
KEPT = {**GUARDED, "content-security-policy": GUARDED["content-security-policy"] + "; sandbox"}
_KEY = "page.key"
_COOKIE = "acgs_claimed_name"
"""A name typed on the page. It counts only where names are claims, and nothing else is known."""
_FIELDS = 10
_FORM = "application/x-www-form-urlencoded"
_TAKES: Mapping[str, tuple[str, ...]] = {
    "approve": ("comment", "for", "shown", "screen"),
    "reject": ("comment", "screen"),
    "comment": ("comment",),
    "withdraw_approval": (),
    "cancel": (),
}
"""The operations that have a form, with the fields that each is given."""
_DONE = {
    "approve": "Your approval is kept.",
    "reject": "Your rejection is kept.",
    "comment": "Your comment is kept.",
    "withdraw_approval": "Your approval is withdrawn.",
    "cancel": "The request is cancelled.",
}


class ForeignFormError(RefusedError):
    """A form does not come from the server's own page for this visitor."""

    code = "registry.form_foreign"


def routes(settings: Settings, registry: Registry) -> Sequence[BaseRoute]:
    """Return the routes; nothing is opened until the first call."""
    pages = Pages(registry, lambda: secret_file(settings, _KEY, partial(secrets.token_hex, 32)))

    async def get_page(request: Request) -> Response:
        number, name = request_number(request.path_params["id"]), request.query_params.get("name")
        if name is not None:
            return _remembering(check_text(name.strip()), number)
        done = _DONE.get(request.query_params.get("done", ""), "")
        return await as_visitor(request, lambda: pages.get(number, done))

    async def post_form(request: Request) -> Response:
        _refuse_foreign(request)
        number, fields = request_number(request.path_params["id"]), await _fields(request)
        return await as_visitor(request, lambda: pages.act(number, fields))

    async def get_kept(request: Request) -> Response:
        asked = {"id": request.path_params["id"], "vote": request.query_params.get("vote", "")}
        kept = await as_visitor(request, lambda: reads.screen(registry, asked))
        if request.query_params.get("form") == "facts":
            return Response(kept["facts"], media_type="application/json", headers=KEPT)
        return HTMLResponse(kept["page"], headers=KEPT)

    async def as_visitor(request: Request, act: Callable[[], T]) -> T:
        def run() -> T:
            with acting(pages.visitor(request.cookies.get(_COOKIE, ""))):
                return act()

        return await run_in_threadpool(run)

    return (
        Route("/acgs/requests/{id}", get_page),
        Route("/acgs/requests/{id}", post_form, methods=["POST"]),
        Route("/acgs/screens/{id}", get_kept),
    )


class Pages:
    """Shows requests to visitors, and does what their forms ask, as the visitors themselves."""

    def __init__(self, registry: Registry, key: Callable[[], str]) -> None:
        self._registry = registry
        self._key = key
        self._operations = operations(registry)

    def visitor(self, claimed: str) -> Caller:
        """Return the caller, under the name typed on the page where names are claims.

        Browsers send a name only to servers that ask for it, and an open one does not.

        Raises:
            NameUnusableError: the name is too long, or holds characters that do not show.
        """
        caller = current_caller() or Caller(NOBODY, "unknown")
        if not claimed or not self._may_say_who(caller):
            return caller
        return Caller(Principal(check_text(unquote(claimed))), caller.where)

    def get(self, number: int, done: str) -> Response:
        """Return the page of a request, or one that asks a nameless visitor for a name."""
        try:
            return HTMLResponse(self.show(number, done=done), headers=GUARDED)
        except AccessDeniedError as err:
            caller = current_caller()
            if caller is None or not self._may_say_who(caller):
                raise
            asking = page.ask_name(number, err.message)
            return HTMLResponse(asking, status_code=status_of(err), headers=GUARDED)

    def show(self, number: int, *, done: str = "", error: str = "", text: str = "") -> str:
        """Return the page of a request for the current caller.

        Raises:
            UnknownRequestError: there is none of that number.
            AccessDeniedError: the caller may not read the model.
        """
        found = self._registry.gate.get_request(number)
        caller = permitted(self._registry.access, Verb.READ, found.judged_as)
        facts = gather(self._registry, found)
        screen = page.digest_of(facts)
        forms = page.Forms(
            who="" if caller.principal.key == NOBODY.key else caller.principal.name,
            may_say_who=self._registry.access.is_open and not caller.principal.source.is_proven,
            screen=screen,
            token=self._token(caller, number, screen),
            roles=self._roles(caller.principal, found),
            lenders=self._lenders(caller.principal, found),
            error=error,
            done=done,
            text=text,
        )
        return page.render(facts, forms)

    def act(self, number: int, fields: Mapping[str, str]) -> Response:
        """Do what a form asks; return the page again, with why if it was not done.

        Raises:
            ForeignFormError: the form is not of this server's page for the caller.
        """
        found = self._registry.gate.get_request(number)
        caller = permitted(self._registry.access, Verb.READ, found.judged_as)
        token = self._token(caller, number, fields.get("screen", ""))
        if not hmac.compare_digest(token.encode(), fields.get("token", "").encode()):
            raise ForeignFormError(
                "expected a form of this server's page for you, found another",
                hint=f"open the page and send its form: /acgs/requests/{number}",
            )
        act = fields.get("act", "")
        takes = _TAKES.get(act)
        if takes is None:
            raise UsageError(f"expected act={'|'.join(_TAKES)}, found {act[:40]!r}")
        asked: dict[str, Any] = {name: fields[name] for name in takes if fields.get(name)}
        try:
            self._operations[act]({"id": number, **asked})
        except PlatformError as err:
            told = err.message + (f"\nWhat to do: {err.hint}" if err.hint else "")
            again = self.show(number, error=told, text=fields.get("comment", ""))
            return HTMLResponse(again, status_code=status_of(err), headers=GUARDED)
        return _to(f"{number}?done={act}")

    def _may_say_who(self, caller: Caller) -> bool:
        return self._registry.access.is_open and caller.principal == NOBODY

    def _token(self, caller: Caller, number: int, screen: str) -> str:
        told = f"{caller.principal.key}\0{number}\0{screen}"
        return hmac.new(self._key().encode(), told.encode(), hashlib.sha256).hexdigest()

    def _roles(self, principal: Principal, request: RequestRecord) -> tuple[str, ...]:
        roles = self._registry.access.current()
        if roles is None:
            return ()
        held = roles.roles_of(principal, Verb.APPROVE, request.judged_as, request.target)
        return tuple(sorted(held))

    def _lenders(self, principal: Principal, request: RequestRecord) -> tuple[str, ...]:
        now_ms = to_millis(utc_now())
        return tuple(
            dict.fromkeys(
                lent.lender.name
                for lent in self._registry.delegations.every()
                if lent.deputy_key == principal.key and is_lent(lent, request.judged_as, now_ms)
            )
        )


def _to(place: str) -> RedirectResponse:
    return RedirectResponse(place, status_code=HTTPStatus.SEE_OTHER, headers=GUARDED)


def _remembering(name: str, number: int) -> Response:
    """Return the way to the page, with a typed name for the browser to remember."""
    answer = _to(str(number))
    answer.set_cookie(_COOKIE, quote(name, safe=""), path="/acgs", httponly=True, samesite="strict")
    return answer


def _refuse_foreign(request: Request) -> None:
    """Refuse the form of another site's page, with which a browser sends the visitor's password.

    The edge drops the `Origin` of the server's own pages and refuses unknown ones; one that is
    left belongs to an allowed site, which may use the API but has no page to vote on.

    Raises:
        OriginNotAllowedError: it is.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
    if origin is not None or site not in {"same-origin", "none"}:
        raise OriginNotAllowedError(
            f"expected a form of this server's own page, found one of {origin or site!r}"[:200],
            hint="open the request's page on this server",
        )


async def _fields(request: Request) -> dict[str, str]:
    """Read a form.

    Raises:
        UsageError: the body is none.
    """
    found = request.headers.get("content-type", "").partition(";")[0].strip()
    if found != _FORM:
        raise UsageError(f"expected a form as {_FORM}, found {found[:60]!r}")
    try:
        pairs = parse_qsl(
            (await request.body()).decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError as err:
        raise UsageError(f"expected a form of up to {_FIELDS} fields, found {err}"[:200]) from err
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UsageError("expected each field once, found one twice")
    # Browsers send line ends as CR LF.
    return {key: value.replace("\r\n", "\n") for key, value in fields.items()}
