# The application in a container, fit for a Docker Space as well: user 1000, port 7860.
#
#     docker build -t lass .
#         with CUDA: uses a GPU where the container gets one (docker run --gpus all), and the processor elsewhere.
#         The CUDA libraries come along because the torch packages on PyPI belong together in that build only.
#     docker build -t lass --build-arg VARIANT=cpu --build-arg TORCH_INDEX=ADDRESS .
#         without CUDA, some gigabytes smaller. ADDRESS is a package index that has builds of all three torch packages
#         for the processor alone, such as PyTorch's own: one package from there beside two from PyPI does not import.
FROM python:3.12-slim

ARG VARIANT=cuda
ARG TORCH_INDEX=

RUN useradd --create-home --uid 1000 lass
WORKDIR /home/lass/app

# Before the sources, so that a change of the code does not install everything again.
COPY requirements.txt requirements-lock.txt ./
# Without what they need, which comes from PyPI in the versions of the lock. 2.11.0+cpu counts as 2.11.0 afterwards.
RUN case "$VARIANT" in \
        cuda) ;; \
        cpu) \
            if [ -z "$TORCH_INDEX" ]; then \
                echo "VARIANT=cpu needs TORCH_INDEX, the address of an index with torch packages for the processor." >&2; \
                exit 1; \
            fi; \
            grep -E '^torch(audio|vision)?==' requirements.txt > /tmp/torch.txt && \
            pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" --requirement /tmp/torch.txt ;; \
        *) echo "VARIANT is $VARIANT; choose cuda or cpu." >&2; exit 1 ;; \
    esac
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

# The image has no curl, and no proxy is asked for this machine; a start on a slow processor takes a while.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:7860/health', timeout=8).close()"]

CMD ["python", "app.py"]
