"""A small model server for tests: says who it is, fails or dawdles as often as it is told to."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--error-rate", type=float, default=0.0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--model-folder", type=Path, help="behaviour in behaviour.json")
    args = parser.parse_args()
    if args.model_folder is not None:
        vars(args).update(json.loads((args.model_folder / "behaviour.json").read_text()))
    if vars(args).get("crash"):
        raise SystemExit("this model cannot be loaded")
    time.sleep(vars(args).get("start_seconds", 0.0))
    asyncio.run(_serve(args))


async def _serve(args: argparse.Namespace) -> None:
    dice = random.Random(args.name)
    body = json.dumps({"name": args.name}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        await reader.readexactly(int(line.split(b":")[1]))
                if args.delay_ms:
                    await asyncio.sleep(args.delay_ms / 1000)
                status = b"500 Error" if dice.random() < args.error_rate else b"200 OK"
                writer.write(
                    b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                    % (status, len(body))
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", args.port, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    fresh = args.ready_file.with_suffix(".new")
    fresh.write_text(json.dumps({"pid": os.getpid(), "port": port}))
    fresh.replace(args.ready_file)
    await server.serve_forever()


if __name__ == "__main__":
    main()
