"""What intentd promises about speed and memory, measured on a real API server beside the official client's typed way."""
