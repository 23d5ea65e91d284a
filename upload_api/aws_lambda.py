"""The API as an AWS Lambda behind an API Gateway: `upload_api.aws_lambda.handler`.

The app is made at the first request of each instance, because loading must not need settings.
"""

import functools
from typing import Any

from mangum import Mangum

from resources.settings import read_settings
from scalediff_contract.web.problems import MEDIA_TYPE
from upload_api.app import create_app
from upload_api.config import config_from


@functools.cache
def _adapter() -> Mangum:
    app = create_app(config_from(read_settings()))
    # What Mangum does not know as text goes out in base64, problem documents too.
    return Mangum(app, lifespan="off", text_mime_types=["text/", "application/json", MEDIA_TYPE])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one event of an API Gateway (HTTP API, payload version 2) or a function URL."""
    return dict(_adapter()(event, context))
