"""The Cluster port over a real Kubernetes API server.

`connect` finds the server and the credentials, `transport` moves bytes and turns client exceptions into
one error, `reflector` keeps facts current, `evidence` reads what one case needs, `write` is the only place
in the repository that knows a writing verb, `cluster` puts them together.
"""
