"""The guards' own tables as a ValidatingAdmissionPolicy, so that the API server refuses what the guards would."""

from remediation.admission.documents import Account, policy_documents

__all__ = ["Account", "policy_documents"]
