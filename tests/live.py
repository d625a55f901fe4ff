"""What the tests of the live view have in common: its hosts, a look of it, and what a person says of one."""

from typing import Any

from starlette.testclient import TestClient

OURS = frozenset({"localhost", "127.0.0.1", "[::1]"})


def look_of(client: TestClient, state: str, source: str = "planetscope") -> dict[str, Any]:
    looks = client.get("/api/looks", params={"berth": "B1"}).json()
    return dict(next(each for each in looks if (each["state"], each["source"]) == (state, source)))


def words(look: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {"berth_id": "B1", "source": look["source"], "scene_id": look["scene_id"], "verdict": "vacant", "who": "Ada"}
    return said | more
