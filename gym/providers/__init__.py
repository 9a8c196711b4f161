"""Ways to get a Kubernetes to practise on; `gym.cluster` picks one and is what others call."""
