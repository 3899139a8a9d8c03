# The application in a container, fit for a Docker Space as well: user 1000, port 7860. Without a GPU it runs on the
# processor; the CUDA libraries come along because the torch packages on PyPI belong together only in that build.
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 lass
WORKDIR /home/lass/app

# Before the sources, so that a change of the code does not install everything again.
COPY requirements.txt requirements-lock.txt ./
RUN pip install --no-cache-dir --requirement requirements.txt --constraint requirements-lock.txt

COPY --chown=1000:1000 . .
RUN install --directory --owner=1000 --group=1000 /home/lass/data /home/lass/.cache/huggingface
USER 1000

ENV PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False \
    HF_HOME=/home/lass/.cache/huggingface \
    LASS_DATA_DIR=/home/lass/data

EXPOSE 7860

# The image has no curl; a start on a slow processor takes a while.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/', timeout=8).close()"]

CMD ["python", "app.py"]
