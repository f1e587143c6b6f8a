# The base is pinned to a release. The weights come with the packages, so the container needs no network when it runs.
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
RUN mkdir /data && chown classifier:0 /data && chmod 775 /data
USER classifier

ENV CLASSIFIER_HOME=/data \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    HF_HUB_OFFLINE=1
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:7860/', timeout=4)"
CMD ["python", "app.py"]
