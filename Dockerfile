# Two images, each with one program and no shell: docker build --target operator . and docker build --target worker .
ARG RUST=rust:1.95-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST} AS build
WORKDIR /source
COPY . .
# Separate builds: in a joint build, cargo unifies features, and each program would link those of the other.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --locked --profile dist -p userstream-operator \
    && cargo build --locked --profile dist -p userstream-worker \
    && mkdir /programs && cp target/dist/operator target/dist/worker /programs/

FROM ${BASE} AS operator
COPY --from=build /programs/operator /operator
USER 65532:65532
ENTRYPOINT ["/operator"]

FROM ${BASE} AS worker
COPY --from=build /programs/worker /worker
USER 65532:65532
ENTRYPOINT ["/worker"]
