"""Secrets of the production profile, from AWS Secrets Manager through dagster-aws, loaded lazily."""

from resources.settings import Settings


class SecretMissingError(LookupError):
    """A secret that the settings name is not there, or holds no text."""

    def __init__(self, secret_id: str, problem: str) -> None:
        self.secret_id = secret_id
        super().__init__(f"secret {secret_id!r}: {problem}; create it, or unset the variable that names it")


def read_secret(secret_id: str, settings: Settings) -> str:
    """The text of a secret.

    Raises:
        SecretMissingError: Naming the secret, never its content.
    """
    from botocore.exceptions import ClientError
    from dagster_aws.secretsmanager import SecretsManagerResource

    resource = SecretsManagerResource(region_name=settings.s3_region, endpoint_url=settings.s3_endpoint_url)
    try:
        answer = resource.get_client().get_secret_value(SecretId=secret_id)
    except ClientError as error:
        raise SecretMissingError(secret_id, error.response["Error"]["Code"]) from error
    text = answer.get("SecretString")
    if not text:
        raise SecretMissingError(secret_id, "it holds no text")
    return str(text)
