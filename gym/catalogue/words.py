"""What namespaces, programs and images of the catalogue are called.

Ordinary words of a company's cluster: no word hints at a fault, and hosts are those that RFC 2606 reserves.
"""

from __future__ import annotations

APPS = (
    "storefront", "basket", "invoices", "fleet", "courier", "ratings", "timetable", "tickets", "wallet", "menu",
    "lookup", "archive", "bookings", "dispatch", "press", "quotas-ui", "stock", "tariffs", "translate", "uploads",
    "visits", "voice", "weather", "accounts", "labels", "mosaic", "planner", "radar", "relay", "sketches",
)  # fmt: skip
NAMESPACES = (
    "retail", "logistics", "finance", "media", "north", "south", "core", "partners", "research", "travel",
    "kitchen", "harbor", "studio", "campus", "transit", "energy",
)  # fmt: skip
TEAMS = ("amber", "birch", "cedar", "delta", "elm", "fjord")
REGISTRIES = (
    "registry.example.com",
    "registry.example.net/apps",
    "images.example.org",
    "images.example.org/release",
)
RELEASES = (
    ("1.18.2", "1.19.0"), ("2.4.0", "2.5.0"), ("v3.1.7", "v3.2.0"), ("2026.10.3", "2026.11.1"), ("r412", "r413"),
    ("0.31.4", "0.32.0"), ("v12.0.1", "v12.1.0"), ("5.6", "5.7"), ("20261014", "20261102"),
)  # fmt: skip
"""A release that exists, and the one after it."""
CONTAINERS = ("app", "server", "main", "web", "backend", "service")
SIDECARS = (("proxy", "edge-proxy:1.30"), ("log-agent", "log-agent:4.2"), ("stats", "statsd-exporter:0.27"))
PORTS = (8080, 8000, 3000, 9000, 5000, 8443)
PATHS = ("/healthz", "/ready", "/livez", "/status", "/-/healthy", "/ping")
ROLES = ("frontend", "backend", "gateway", "batch")
CONFIG = {
    "cache.ttl": "45s",
    "currency": "EUR",
    "feature.banner": "off",
    "locale": "en_GB",
    "pool.size": "12",
    "timezone": "Europe/Vienna",
    "retention.days": "30",
    "page.size": "50",
}
ENV = {
    "TZ": "UTC",
    "LOCALE": "en_GB",
    "PAGE_SIZE": "50",
    "CACHE_TTL": "45s",
    "FEATURE_BANNER": "off",
    "WORKERS": "4",
}
DATABASES = (("postgres", 5432), ("mariadb", 3306), ("redis", 6379), ("mongo", 27017), ("nats", 4222))
ZONES = ("zone-a", "zone-b", "zone-c")
