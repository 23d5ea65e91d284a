"""Sign-in and presigned uploads: a small ASGI app, also an AWS Lambda.

A player signs a message with their wallet, gets session ids from the server, declares the files of
a recording by size and hash, and puts them to signed URLs: S3's own, or ours for the embedded store.

Run it with `python -m upload_api`.
"""
