"""One error for everything that goes wrong between us and the API server, as a sentence with a turn.

The client's and urllib3's exceptions stop here.
"""

from __future__ import annotations

import msgspec
import urllib3.exceptions as u3

from daemon.ports import WorldError
from detectors.model import Gap, Turn


class ClusterError(WorldError):
    """The API server could not be asked, or said no.

    `reason` is the Gap's reason, `status` the HTTP status (0 where no answer came). `sent` is False only
    where the request certainly never left this machine; a write may then be repeated without asking.
    """

    def __init__(
        self,
        message: str,
        *,
        turn: Turn,
        reason: str,
        remedy: str = "",
        retry_after: float | None = None,
        status: int = 0,
        sent: bool = True,
    ) -> None:
        super().__init__(message, turn=turn, remedy=remedy, retry_after=retry_after)
        self.reason = reason
        self.status = status
        self.sent = sent

    def gap(self, what: str) -> Gap:
        """The same as a value."""
        return Gap(what, self.reason, str(self), self.turn)


class _Status(msgspec.Struct):
    """The part of metav1.Status that we read."""

    message: str = ""
    reason: str = ""
    code: int = 0


_STATUS = msgspec.json.Decoder(_Status)
SENTENCE_LIMIT = 500
"""Characters of a server's sentence that are kept: enough for every validation message we have seen."""


def server_sentence(body: bytes) -> str:
    """The message of a metav1.Status, or the beginning of whatever else was answered (a proxy's page)."""
    try:
        text = _STATUS.decode(body).message
    except msgspec.MsgspecError:
        text = body[:SENTENCE_LIMIT].decode("utf-8", "replace")
    text = " ".join(text.split())
    if len(text) <= SENTENCE_LIMIT:
        return text
    # Strict decoding quotes the whole object first; what is wrong stands at the end.
    return f"{text[:100]} ... {text[100 - SENTENCE_LIMIT :]}"


def from_status(
    status: int, body: bytes, host: str, retry_after: float | None = None, hint: str = ""
) -> ClusterError:
    """The error for an HTTP status of 300 and above. `hint`: why we may have come without credentials."""
    said = server_sentence(body)
    if hint and status in {401, 403}:
        return ClusterError(
            f"{host} does not know us ({status}); the credentials could not be read: {hint}",
            turn=Turn.OPERATOR,
            reason="Unauthorized",
            remedy="mend the exec plugin or the user entry of the kubeconfig",
            status=status,
        )
    if status == 401:
        return ClusterError(
            f"{host} does not accept our credentials (401)",
            turn=Turn.OPERATOR,
            reason="Unauthorized",
            remedy="renew the token or the client certificate; it is read again at every attempt",
            status=status,
        )
    if status == 403:
        return ClusterError(
            said or f"{host} forbids this (403)",
            turn=Turn.OPERATOR,
            reason="Forbidden",
            remedy="grant this to intentd's account; deploy/ holds the ClusterRole",
            status=status,
        )
    if status == 404:
        return ClusterError(said or "not found", turn=Turn.NOBODY, reason="NotFound", status=status)
    if status == 429:
        return ClusterError(
            f"{host} is busy (429)", turn=Turn.OURS, reason="Busy", retry_after=retry_after, status=status
        )
    if status >= 500:
        return ClusterError(
            f"{host} answered {status}: {said}",
            turn=Turn.OURS,
            reason="TimedOut" if status == 504 else "Unreachable",
            retry_after=retry_after,
            status=status,
        )
    if status < 400:
        return ClusterError(
            f"{host} redirects us (status {status}), which is not followed",
            turn=Turn.OPERATOR,
            reason="Invalid",
            remedy="give the API server's own address in the kubeconfig",
            status=status,
        )
    return ClusterError(said or f"status {status}", turn=Turn.OPERATOR, reason="Invalid", status=status)


def from_exception(error: BaseException, host: str) -> ClusterError:
    """The error for an exception of urllib3, ssl or the socket."""
    text = " ".join(str(error).split())[:SENTENCE_LIMIT]
    if "SSL" in type(error).__name__ or "SSLError" in text:  # the package wraps it in its own exception
        # Only a refused certificate is known to come before the request; anything later may have been sent.
        refused = "CERTIFICATE_VERIFY_FAILED" in text
        broken_off = "EOF" in text
        return ClusterError(
            f"no trusted connection to {host}: {text}",
            turn=Turn.OURS if broken_off else Turn.OPERATOR,
            reason="Unreachable",
            remedy="check certificate-authority-data, the client certificate and the server's address in the "
            "kubeconfig",
            sent=not refused,
        )
    if isinstance(error, u3.ProxyError):
        return ClusterError(
            f"the proxy to {host} does not answer: {text}",
            turn=Turn.OPERATOR,
            reason="Unreachable",
            remedy="check proxy-url in the kubeconfig and HTTPS_PROXY",
        )
    if isinstance(error, u3.NameResolutionError):
        return ClusterError(
            f"the name of {host} is not known here",
            turn=Turn.OPERATOR,
            reason="Unreachable",
            remedy="check the server's address in the kubeconfig, or the name service",
            sent=False,
        )
    if isinstance(error, u3.NewConnectionError):  # a subclass of the next
        refused = "refused" in text
        return ClusterError(
            f"{host} refuses connections" if refused else f"{host} cannot be reached: {text}",
            turn=Turn.OURS,
            reason="Unreachable",
            remedy="is the API server running, and is this its address?",
            sent=False,
        )
    if isinstance(error, u3.ConnectTimeoutError):
        return ClusterError(f"{host} does not answer", turn=Turn.OURS, reason="TimedOut", sent=False)
    if isinstance(error, (u3.ReadTimeoutError, TimeoutError)):
        return ClusterError(f"{host} took too long to answer", turn=Turn.OURS, reason="TimedOut")
    return ClusterError(f"the connection to {host} broke: {text}", turn=Turn.OURS, reason="Unreachable")
