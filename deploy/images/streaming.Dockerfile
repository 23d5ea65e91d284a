# The painting service.
#   docker build -f deploy/images/streaming.Dockerfile --build-arg BASE=python:3.11-slim -t scalediff-stream .
# For GPUs give a base with Python 3.11 and the driver's libraries, and TORCH_INDEX for the matching wheels.
# The published weights are not in the image: they are mounted at /weights (docs/streaming.md).
ARG BASE=python:3.11-slim
FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv /venv
COPY pyproject.toml constraints.txt README.md ./
COPY scalediff_contract scalediff_contract
COPY scoring scoring
COPY world world
COPY resources resources
COPY scalediff_assets scalediff_assets
COPY gpu_services gpu_services
COPY upload_api upload_api
ARG TORCH_INDEX=
RUN /venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
    -c constraints.txt '.[stream]'

FROM ${BASE}
COPY --from=build /venv /venv
RUN useradd --uid 10001 --no-create-home scalediff
USER 10001
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 HOME=/tmp
EXPOSE 8090
# SIGTERM drains: players may finish. Whoever stops the container must wait for it.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=600s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8090/healthz', timeout=2)"]
ENTRYPOINT ["scalediff-stream", "--host", "0.0.0.0", "--port", "8090"]
CMD ["--backend", "stylize"]
