# One image for every process: the command decides which one a container is.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN ["python", "-m", "venv", "/opt/venv"]
COPY requirements.lock .
# Wheels only: no compiler is needed, and none is there.
RUN ["/opt/venv/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary=:all:", "-r", "requirements.lock"]

FROM python:3.13-slim
RUN ["useradd", "--uid", "10001", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "app"]
# A new named volume takes over the owner of the folder that it is mounted on.
RUN ["install", "-d", "-o", "app", "-g", "app", "-m", "0755", "/run/secrets/auth", "/run/secrets/booking", "/run/secrets/deliveries", "/run/secrets/mysql", "/run/secrets/redis"]
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
# The file system may be mounted read-only, so what Python would write there is made now.
RUN ["/opt/venv/bin/python", "-m", "compileall", "-q", "/app"]
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
STOPSIGNAL SIGTERM
EXPOSE 8001 8002
CMD ["python", "-m", "booking_service", "serve"]
