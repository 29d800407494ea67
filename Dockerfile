# Two images, each one program on a base without a shell: docker build --target operator . and --target worker .
ARG RUST=rust:1.95-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST} AS build
WORKDIR /source
COPY . .
# One after the other: built together, each would get what the other needs of their dependencies.
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
