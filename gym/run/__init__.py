"""`python -m gym run`: cases of broken manifests, one after the other, on a real cluster with a real intentd."""
