"""The gateway's HTTP side: who may ask, whether a question is well formed, and who answers it."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from omtx_worker import __version__, targets
from omtx_worker.executor import Executor, Full, OtherRequest, Unreachable
from omtx_worker.failure import Failure
from omtx_worker.ligand_pool import LigandPool
from omtx_worker.local import LocalExecutor
from omtx_worker.models import LEAST_GPU_HOURS, check
from omtx_worker.protocol import (
    MAX_LIGANDS,
    MAX_SDF_BYTES,
    Health,
    LigandsRequest,
    ModelsAnswer,
    Refusal,
    RefusalBody,
    Run,
    RunAccepted,
    RunRequest,
)
from omtx_worker.sdf import split_sdf
from omtx_worker.settings import from_command_line

MAX_BODY_BYTES = 16 * 1024 * 1024
RETRY_AFTER_S = 10
_DESCRIBERS = 2


def create(secret: str, executor: Executor) -> FastAPI:
    """The application; its executor starts and stops with it. `secret` is what a request must bear."""
    pool = LigandPool(_DESCRIBERS)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        executor.start()
        pool.start()
        yield
        executor.stop()
        pool.close()

    app = FastAPI(title="OMTX-Hub gateway", version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    _guard(app, secret)
    _refuse_in_json(app)

    @app.get("/v1/healthz")
    async def health() -> Health:
        return Health(status="ok", version=__version__)

    @app.get("/v1/models")
    def models() -> ModelsAnswer:
        return executor.models()

    @app.get("/v1/targets/{name}/receptor")
    def receptor(name: str) -> PlainTextResponse:
        try:
            text = targets.receptor_path(name).read_text()
        except KeyError:
            raise HTTPException(404, f"there is no target named {name[:40]!r}") from None
        return PlainTextResponse(text, media_type="chemical/x-pdbqt")

    @app.post("/v1/ligands")
    def ligands(asked: LigandsRequest) -> Response:
        if asked.sdf is None:
            rows = pool.describe("smiles", [ligand.smiles for ligand in asked.ligands or []], asked.task)
            return Response(rows, media_type="application/json")
        if len(asked.sdf.encode()) > MAX_SDF_BYTES:
            raise Failure("user", "too_large", "an SDF may have at most 10 MB", "sdf")
        records = split_sdf(asked.sdf)
        if len(records) > MAX_LIGANDS:
            message = f"the SDF has {len(records)} records, the most is {MAX_LIGANDS}"
            raise Failure("user", "too_many", message, "sdf")
        return Response(pool.describe("sdf", records, asked.task), media_type="application/json")

    @app.post("/v1/runs", status_code=202)
    def submit(asked: RunRequest, response: Response) -> RunAccepted:
        _check_model(asked, executor.models())
        try:
            accepted, first = executor.submit(asked)
        except Full as full:
            raise Failure("quota", "full", str(full)) from None
        except OtherRequest:
            message = "this run id was accepted with another request"
            raise Failure("system", "conflict", message, "run_id") from None
        response.status_code = 202 if first else 200
        return accepted

    @app.get("/v1/runs/{run_id}")
    def run(run_id: str) -> Run:
        return _found(executor.run(run_id) if _may_be_run_id(run_id) else None)

    @app.delete("/v1/runs/{run_id}")
    def cancel(run_id: str) -> Run:
        return _found(executor.cancel(run_id) if _may_be_run_id(run_id) else None)

    return app


def _may_be_run_id(text: str) -> bool:
    """Keeps anything but run ids from becoming a path."""
    return text.count(":") == 1 and text.replace(":", "").replace("-", "").replace("_", "").isalnum() and text.isascii()


def _found(run: Run | None) -> Run:
    if run is None:
        raise HTTPException(404, "there is no such run")
    return run


def _check_model(asked: RunRequest, offered: ModelsAnswer) -> None:
    model = next((one for one in offered.models if one.id == asked.model), None)
    if model is None:
        raise Failure("user", "unknown_model", f"there is no model named {asked.model[:40]!r}", "model")
    if model.maintenance is not None:
        raise Failure("quota", "full", f"{model.id} is in maintenance: {model.maintenance}")
    used_up = model.gpu_hours_left is not None and model.gpu_hours_left < LEAST_GPU_HOURS
    if used_up or not model.available:
        # Whoever asked can mend neither: the run waits until the model is back.
        raise Failure("quota", "full", f"{model.id} {model.reason}")
    if asked.task not in model.tasks:
        raise Failure("user", "unknown_task", f"{model.id} does not do {asked.task[:40]!r}", "task")
    check(asked)


def _guard(app: FastAPI, secret: str) -> None:
    expected = f"Bearer {secret}".encode()

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        given = request.headers.get("authorization", "").encode()
        if request.url.path != "/v1/healthz" and not hmac.compare_digest(given, expected):
            return _refusal(401, Refusal(category="user", code="unauthorized", message="the bearer secret is wrong"))
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES or "transfer-encoding" in request.headers:
            message = "a body needs a length, of at most 16 MB"
            return _refusal(413, Refusal(category="user", code="too_large", message=message))
        return await call_next(request)


def _refuse_in_json(app: FastAPI) -> None:
    statuses = {"full": 429, "conflict": 409}

    @app.exception_handler(Failure)
    async def failure(_: Request, failed: Failure) -> JSONResponse:
        refusal = Refusal(category=failed.category, code=failed.code, message=failed.message, field=failed.field)
        return _refusal(statuses.get(failed.code, 422), refusal)

    @app.exception_handler(Unreachable)
    async def unreachable(_: Request, error: Unreachable) -> JSONResponse:
        logging.getLogger(__name__).warning("the executor does not answer: %s", error)
        return _refusal(503, Refusal(category="transient", code="unreachable", message=str(error)))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        return _refusal(422, refusal_of(error.errors()[0]))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        return _refusal(error.status_code, Refusal(category="user", code=code, message=str(error.detail)))

    @app.exception_handler(Exception)
    async def fault(_: Request, error: Exception) -> JSONResponse:
        logging.getLogger(__name__).error("a request failed", exc_info=error)
        return _refusal(500, Refusal(category="system", code="fault", message="the gateway failed; see its log"))


def refusal_of(error: dict[str, Any]) -> Refusal:
    """The first fault that pydantic found, as a refusal."""
    path = ".".join(str(part) for part in error["loc"] if part != "body")
    message = error["msg"].removeprefix("Value error, ")
    return Refusal(category="user", code="invalid", message=message, field=path or None)


def _refusal(status: int, refusal: Refusal) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 429 else {}
    return JSONResponse(RefusalBody(error=refusal).model_dump(), status_code=status, headers=headers)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = from_command_line()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    app = create(settings.secret, LocalExecutor(settings))
    uvicorn.run(app, host=settings.host, port=settings.port, access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
