"""Cases of broken manifests: their format, their assertion language and how a run is scored. Plain code and
data: no cluster, no daemon, no model. The format is written down in docs/cases.md."""
