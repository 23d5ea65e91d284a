# The generation service, API and worker: the same image, `--role` says which.
#   docker build -f deploy/images/generation.Dockerfile --build-arg BASE=python:3.11-slim -t scalediff-generation .
# For GPUs give a base with Python 3.11 and the driver's libraries, and TORCH_INDEX for the matching wheels.
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
    -c constraints.txt '.[generate,postgres]'

FROM ${BASE}
COPY --from=build /venv /venv
RUN useradd --uid 10001 --no-create-home scalediff
USER 10001
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
ENTRYPOINT ["scalediff-generate"]
CMD ["--role", "api", "--host", "0.0.0.0"]
