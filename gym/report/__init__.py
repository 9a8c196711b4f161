"""OUT/report.html: what a run and the baselines came to, on one page that needs no network and runs no script."""
