# The page as a container. Built as it stands it computes on a CPU; for NVIDIA GPUs, which nobody has tried yet:
#   docker build --build-arg TORCH_INDEX=https://pypi.org/simple -t classifier .
#
# The base is pinned to a release by its tag, and to one build of it by a digest. This writes the digest of today:
#   base=python:3.12.12-slim-bookworm
#   digest=$(docker buildx imagetools inspect $base --format '{{.Manifest.Digest}}')
#   sed -i "s|^ARG BASE=.*|ARG BASE=$base@$digest|" Dockerfile
ARG BASE=python:3.12.12-slim-bookworm

# -- the package as a wheel: what builds it stays in this stage

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY classifier ./classifier
RUN --mount=type=cache,target=/root/.cache/pip pip wheel --no-deps --wheel-dir /wheels .

# -- the image

FROM ${BASE}
# Writable by the group 0 as well: some hosts (OpenShift) run containers with a user id of their own, in that group.
RUN useradd --no-create-home --home-dir /tmp --uid 1000 classifier \
    && mkdir /data /weights && chown classifier:0 /data /weights && chmod 775 /data /weights

# What the tests were run with, by its hashes. torch comes from an index of its own: builds for a CPU have a fifth of
# the size of those with CUDA, other hashes, and need none of the packages that hold CUDA.
WORKDIR /install
COPY requirements.lock ./
RUN awk '/^[a-z]/ { keep = !/^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z-]+)==/ } keep' requirements.lock > most.lock
RUN --mount=type=cache,target=/root/.cache/pip pip install --no-deps --require-hashes -r most.lock
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --index-url "$TORCH_INDEX" $(grep -oE '^torch(vision)?==[0-9.]+' requirements.lock)
COPY --from=build /wheels /install
RUN pip install --no-deps --no-index ./*.whl && pip check && rm -r /install
WORKDIR /tmp
USER classifier

# Networks to have at hand beside those of the packages, by their names in the README, with spaces between:
# docker build --build-arg NETWORKS="vit_small_patch14_dinov2 tiny_vit_21m_224" -t classifier .
ARG NETWORKS=""
ENV HF_HUB_CACHE=/weights
RUN for network in $NETWORKS; do \
      python -c "import sys; from classifier.workflows.offers import fetch_network; list(fetch_network(sys.argv[1]))" "$network" \
      || exit 1; \
    done

# The image may be mounted read-only: only /data and /tmp are written. With HF_HUB_OFFLINE the page offers nothing that
# needs the Hugging Face Hub; to offer it, run with -e HF_HUB_OFFLINE=0 -e HF_HUB_CACHE=/data/weights.
ENV HOME=/tmp \
    XDG_CACHE_HOME=/data/cache \
    MPLCONFIGDIR=/tmp/matplotlib \
    TORCH_HOME=/data/cache/torch \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CLASSIFIER_HOME=/data \
    CLASSIFIER_LOG=json \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    HF_HUB_OFFLINE=1
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD python -c "import os; from urllib.request import *; build_opener(ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"GRADIO_SERVER_PORT\"]}/health', timeout=9)"
CMD ["classifier", "app"]
