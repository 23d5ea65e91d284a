"""Object stores: a directory or an S3 bucket behind one protocol.

Importing this package imports no boto3 and opens no connection.
"""

from resources.object_store.directory import DirectoryStore
from resources.object_store.opening import open_store
from resources.object_store.s3 import S3Store
from resources.object_store.signing import S3Signer, SignedPut, UploadSigner
from resources.object_store.store import (
    InvalidKeyError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
    ObjectTooLargeError,
    StoreError,
    StoreUnavailableError,
    validate_key,
)

__all__ = [
    "DirectoryStore",
    "InvalidKeyError",
    "ObjectExistsError",
    "ObjectInfo",
    "ObjectMissingError",
    "ObjectStore",
    "ObjectTooLargeError",
    "S3Signer",
    "S3Store",
    "SignedPut",
    "StoreError",
    "StoreUnavailableError",
    "UploadSigner",
    "open_store",
    "validate_key",
]
