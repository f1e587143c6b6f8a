# The base is pinned to a release. Weights come with the packages or are fetched while the image is built, so the
# container needs no network when it runs, and asks for none.
FROM python:3.12.12-slim-bookworm

RUN useradd --create-home --uid 1000 classifier
WORKDIR /app

# CPU builds of torch: a fifth of the size of those with CUDA.
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt

COPY app.py ./
COPY classifier ./classifier
COPY checkpoints ./checkpoints
# Writable by the group 0 as well: some hosts (OpenShift) run containers with a user id of their own, in that group.
RUN mkdir /data /weights && chown classifier:0 /data /weights && chmod 775 /data /weights
USER classifier

# Networks to have at hand beside those of the packages, by their names in the README, with spaces between:
# docker build --build-arg NETWORKS="vit_small_patch14_dinov2 tiny_vit_21m_224" -t classifier .
ARG NETWORKS=""
ENV HF_HUB_CACHE=/weights
RUN for network in $NETWORKS; do \
      python -c "import sys; from classifier.workflows.offers import fetch_network; list(fetch_network(sys.argv[1]))" "$network" \
      || exit 1; \
    done

ENV CLASSIFIER_HOME=/data \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    HF_HUB_OFFLINE=1
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:7860/', timeout=4)"
CMD ["python", "app.py"]
