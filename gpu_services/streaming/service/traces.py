"""Where spans go: an OpenTelemetry collector, in the background and in batches."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def send_spans(otlp_url: str, *, worker: int) -> None:
    """Once per process, before the service starts.

    Args:
        otlp_url: The collector's base, such as `http://collector:4318`.
        worker: Number of the process.
    """
    resource = Resource.create({"service.name": "scalediff-stream", "service.instance.id": str(worker)})
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{otlp_url.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
