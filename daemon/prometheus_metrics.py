"""The Metrics port over prometheus-api-client.

What that package leaves out is added here by a response hook on a session of our own: the `warnings` that
`custom_query` drops (a partial answer from Thanos or Mimir is not a reading), the error's type, a limit on
the whole answer's size and time (requests' own time limit counts each packet anew), and no redirects (a
login page answers 200). The bearer token is read from its file at every request, because kubelets rotate it.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import requests
import urllib3
from requests.auth import AuthBase
from urllib3.util.retry import Retry

from daemon.metric_round import MetricRound
from daemon.ports import Clock
from detectors.batches import MOST
from detectors.model import Gap, MetricReading, Turn

CONNECT_TIMEOUT = 3.0
"""Seconds; Prometheus stands in the same cluster or region."""
ANSWER_LIMIT = 8 * 1024 * 1024
"""Bytes: about 40,000 series, far more than an expectation should range over."""
THREADS = 4
"""Queries at a time; Prometheus runs 20 by default (--query.max-concurrency) and has other users."""
LONG, SHORT = 24 * 1024, 4 * 1024
"""Characters of a batch, which goes into the address and is up to twice as long there. Prometheus takes a megabyte (Go's
DefaultMaxHeaderBytes), Envoy 60 KiB, nginx 8 KiB (large_client_header_buffers): after the first refusal, short ones."""
TOO_LONG = frozenset({400, 413, 414, 431})
"""How proxies refuse a long address."""
SHOWN_SERIES = 5
"""Series of a value that are shown as evidence."""


class _TooMuchError(requests.RequestException):
    """The answer is larger than ANSWER_LIMIT."""


@dataclass(slots=True)
class _Heard:
    """What the hook read from the latest answer of this thread."""

    status: int = 0
    error_type: str = ""
    error: str = ""
    warnings: tuple[str, ...] = ()


class _Envelope(msgspec.Struct, rename="camel"):
    """The API's answer but for its data."""

    status: str = ""
    error_type: str = ""
    error: str = ""
    warnings: list[str] | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


class _Bearer(AuthBase):
    """Sets the Authorization header; as `auth` it also keeps requests from looking into ~/.netrc."""

    def __init__(self, token: str, token_file: Path | None) -> None:
        self._token = token
        self._token_file = token_file

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._token_file.read_text().strip() if self._token_file else self._token
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request


class PrometheusMetrics:
    """One Prometheus (or anything that speaks its query API). Safe to share between threads."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        timeout: float = 10.0,
        token: str = "",
        token_file: Path | None = None,
        tenant: str = "",
        ca_file: Path | None = None,
        verify: bool = True,
        batch: int = MOST,
    ) -> None:
        """`timeout` in seconds bounds one query, on the server too; `tenant` is X-Scope-OrgID; `batch` is how many
        comparisons a request holds at most."""
        from prometheus_api_client import PrometheusConnect

        self._url = url.rstrip("/")
        self._clock = clock
        self._timeout = timeout
        self._local = threading.local()
        session = requests.Session()
        session.verify = str(ca_file) if ca_file and verify else verify
        session.max_redirects = 0
        session.hooks["response"].append(self._listen)
        self._prometheus = PrometheusConnect(
            url=self._url,
            session=session,
            headers={"X-Scope-OrgID": tenant} if tenant else None,
            auth=_Bearer(token, token_file),
            # One more attempt to connect (a pooled connection may have died); an answer is not asked twice.
            retry=Retry(total=1, connect=1, read=False, redirect=0, status=0, backoff_factor=0),
            timeout=(CONNECT_TIMEOUT, timeout),
        )
        self._text = LONG
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")
        self._round = MetricRound(self._query, self._pool, clock, self._url, most=batch)

    @property
    def url(self) -> str:
        """The address, for people."""
        return self._url

    # ------------------------------------------------------------ Metrics

    def read(self, queries: Mapping[str, str]) -> Mapping[str, MetricReading | Gap]:
        return self._round.read(queries, text=self._text)

    def value(self, query: str) -> str | Gap:
        found = self._query(f"metric {query[:80]}", query)
        if isinstance(found, Gap):
            return found
        if not isinstance(found, list) or not found:
            return Gap(f"metric {query[:80]}", "NoData", "the query returns no series", Turn.OPERATOR)
        return _shown(found)

    def close(self) -> None:
        """Drop connections; queries under way end within their time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._prometheus.close()

    # ------------------------------------------------------------ one query

    def _query(self, what: str, query: str) -> Any | Gap:
        """`data.result` as sent, or why there is none."""
        from prometheus_api_client import PrometheusApiClientException

        heard = self._local.heard = _Heard()
        try:
            result = self._prometheus.custom_query(query, params={"timeout": f"{self._timeout:g}s"})
        except PrometheusApiClientException:
            if heard.status in TOO_LONG and not heard.error_type and len(query) > SHORT:
                self._text = SHORT
            return self._refusal(what, heard)
        except requests.exceptions.SSLError as error:
            return Gap(what, "Unreachable", f"no trusted connection to {self._url}: {error}", Turn.OPERATOR)
        except requests.Timeout:
            return Gap(what, "TimedOut", f"{self._url} took too long to answer", Turn.OURS)
        except requests.TooManyRedirects:
            said = f"{self._url} redirects us, which is not followed (a login page? give a token)"
            return Gap(what, "Invalid", said, Turn.OPERATOR)
        except _TooMuchError:
            said = f"the answer is larger than {ANSWER_LIMIT} bytes; aggregate in the query"
            return Gap(what, "Invalid", said, Turn.OPERATOR)
        except requests.JSONDecodeError:
            return Gap(what, "Invalid", f"{self._url} answers something that is not JSON", Turn.OPERATOR)
        except requests.RequestException as error:
            return Gap(what, "Unreachable", f"{self._url} cannot be reached: {_short(error)}", Turn.OURS)
        except OSError as error:  # the token file
            return Gap(what, "Unauthorized", f"the token cannot be read: {error}", Turn.OPERATOR)
        except (KeyError, TypeError, ValueError):
            return Gap(what, "Invalid", f"{self._url} does not answer like Prometheus", Turn.OPERATOR)
        if heard.warnings:
            return Gap(what, "Warning", f"{self._url} warns: {'; '.join(heard.warnings)[:300]}", Turn.OURS)
        return result

    def _refusal(self, what: str, heard: _Heard) -> Gap:
        said = f"{self._url} answered {heard.status}: {' '.join(heard.error.split())[:300]}".rstrip(": ")
        if heard.error_type in {"timeout", "canceled"}:
            return Gap(what, "TimedOut", said, Turn.OURS)
        if heard.error_type in {"bad_data", "execution"}:
            return Gap(what, "Invalid", said, Turn.OPERATOR)
        if heard.status in {401, 403}:
            return Gap(what, "Forbidden", f"{said} (check the token and the tenant)", Turn.OPERATOR)
        if heard.status == 429:
            return Gap(what, "Busy", said, Turn.OURS)
        if heard.status >= 500:
            return Gap(what, "Unreachable", said, Turn.OURS)
        return Gap(what, "Invalid", f"{said} (is this Prometheus's address?)", Turn.OPERATOR)

    def _listen(self, response: requests.Response, **_: Any) -> requests.Response:
        """The response hook: read the whole body within limits, note what the package will drop, and hand
        on the same answer."""
        deadline = self._clock.monotonic() + self._timeout
        body = bytearray()
        try:
            # read1 gives what has arrived; iter_content would wait for a full chunk, for ever if need be.
            while chunk := response.raw.read1(64 * 1024, decode_content=True):
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    response.close()
                    raise _TooMuchError
                if self._clock.monotonic() > deadline:
                    response.close()
                    raise requests.ReadTimeout
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
        heard: _Heard = self._local.heard
        heard.status = response.status_code
        try:
            envelope = _ENVELOPE.decode(body)
        except msgspec.MsgspecError:
            heard.error = body[:200].decode("utf-8", "replace")
        else:
            heard.error_type, heard.error = envelope.error_type, envelope.error
            heard.warnings = tuple(envelope.warnings or ())
        read = requests.Response()
        read.status_code = response.status_code
        read.headers = response.headers
        read.url = response.url
        read.request = response.request
        read.raw = io.BytesIO(bytes(body))
        read.encoding = "utf-8"
        return read


def _shown(result: list[Any]) -> str:
    """An instant vector, a scalar or the ends of a range as short text."""
    if not isinstance(result[0], dict):
        return _number(result[-1])
    lines = []
    for series in result[:SHOWN_SERIES]:
        value = series.get("value") or (series.get("values") or [None])[-1]
        labels = ", ".join(f"{key}={name}" for key, name in sorted(series.get("metric", {}).items()))
        number = _number(value[-1]) if isinstance(value, list) and value else "?"
        lines.append(f"{{{labels}}} {number}" if labels else number)
    more = len(result) - SHOWN_SERIES
    return "; ".join(lines) + (f"; and {more} more series" if more > 0 else "")


def _number(text: Any) -> str:
    """Four significant digits; NaN and the infinities as Prometheus writes them."""
    try:
        number = float(text)
    except (TypeError, ValueError):
        return str(text)[:80]
    return str(text) if math.isnan(number) or math.isinf(number) else f"{number:.4g}"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "NameResolutionError" in text:
        return "its name is not known here"
    return "connection refused" if "refused" in text else text[:200]
