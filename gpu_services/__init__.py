"""Deployed apart: everything that needs torch. Jobs are started from a spec, services by themselves."""
