"""Catalogues, item collections, search APIs and buckets, all served on the loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from berthwatch.address import gdal_options, resolve
from berthwatch.config import Source
from berthwatch.errors import InputError
from berthwatch.scene import list_scenes

BOUNDS = (35.0, 35.0, 36.0, 36.0)


def item(scene_id: str, href: str = "./vv.tif", links: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    ring = [[35, 35], [36, 35], [36, 36], [35, 36], [35, 35]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": scene_id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [35, 35, 36, 36],
        "properties": {"datetime": "2022-01-03T03:43:16Z"},
        "assets": {"vv": {"href": href, "type": "image/tiff; application=geotiff"}},
        "links": list(links),
    }


def catalogue(kind: str = "Catalog", **links: str) -> dict[str, Any]:
    listed = [{"rel": rel.rstrip("0123456789"), "href": href} for rel, href in links.items()]
    more = {"extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}}
    return {
        "type": kind,
        "id": "root",
        "stac_version": "1.0.0",
        "description": "-",
        "license": "other",
        "links": listed,
        **(more if kind == "Collection" else {}),
    }


def sar(*scenes: str) -> Source:
    return Source("s1", "sar", scenes, ("vv",))


class Server(ThreadingHTTPServer):
    """Serves `documents` by path, and remembers what was asked of /search."""

    documents: dict[str, Any]
    searches: list[dict[str, Any]]

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.answer(self.path)

    def do_HEAD(self) -> None:
        self.answer(self.path)

    def do_POST(self) -> None:
        self.server.searches.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(self.path)

    def answer(self, path: str) -> None:
        body = self.server.documents.get(path)
        content = b"gone" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as served:
        served.documents, served.searches = {}, []
        thread = threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def test_a_catalogue_is_walked_to_its_items(tmp_path: Path) -> None:
    write(
        tmp_path / "catalog.json", catalogue(child1="./2022/collection.json", child2="gone.json", root="catalog.json")
    )
    write(
        tmp_path / "2022/collection.json",
        catalogue("Collection", item1="a/a.json", item2="b.json", child="../catalog.json"),
    )
    write(tmp_path / "2022/a/a.json", item("a", "../tiffs/a.tif"))
    write(tmp_path / "2022/b.json", item("b"))
    scenes, (aside,) = list_scenes(sar("catalog.json"), tmp_path)
    assert [scene.bands["vv"].href for scene in scenes] == [
        str(tmp_path / "2022/tiffs/a.tif"),
        str(tmp_path / "2022/vv.tif"),
    ]
    assert (aside.scene_id, aside.reason) == ("gone.json", "it cannot be read: no such file")


def test_an_item_collection_gives_its_items(tmp_path: Path) -> None:
    own = {"rel": "self", "href": "https://host/items/b.json"}
    features = [item("a"), item("b", links=(own,)), {"type": "Feature"}, item("c", "s3://bucket/c.tif")]
    write(tmp_path / "found.json", {"type": "FeatureCollection", "features": features})
    scenes, (aside,) = list_scenes(sar("found.json"), tmp_path)
    hrefs = [scene.bands["vv"].href for scene in scenes]
    assert hrefs == [str(tmp_path / "vv.tif"), "https://host/items/vv.tif", "s3://bucket/c.tif"]
    assert (aside.scene_id, aside.reason) == ("found.json features[2]", "it is not a STAC item")


def test_items_and_catalogues_are_read_over_http(server: Server) -> None:
    server.documents = {
        "/a/catalog.json": catalogue(item1="./items/a.json?token=1", item2="./items/gone.json"),
        "/a/items/a.json?token=1": item("a"),
    }
    scenes, (aside,) = list_scenes(sar(f"{server.root}/a/catalog.json"), Path())
    assert scenes[0].bands["vv"].href == f"{server.root}/a/items/vv.tif"
    assert aside.scene_id == f"{server.root}/a/items/gone.json"
    assert aside.reason.startswith("it cannot be read: ")


def api(server: Server) -> dict[str, Any]:
    search = f"{server.root}/search"
    landing = catalogue(self=server.root, root=server.root)
    landing["conformsTo"] = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
    landing["links"] += [
        {"rel": "search", "type": "application/geo+json", "href": search, "method": method}
        for method in ("GET", "POST")
    ]
    return landing


def test_an_api_is_searched_within_the_bounds(server: Server) -> None:
    following = {"rel": "next", "href": f"{server.root}/page2", "method": "POST", "body": {"token": "2"}, "merge": True}
    server.documents = {
        "/": api(server),
        "/search": {"type": "FeatureCollection", "features": [item("a", "https://host/a.tif")], "links": [following]},
        "/page2": {"type": "FeatureCollection", "features": [item("b", "https://host/b.tif")], "links": []},
    }
    scenes, aside = list_scenes(sar(f"{server.root}/"), Path(), BOUNDS)
    assert ([scene.scene_id for scene in scenes], aside) == (["a", "b"], [])
    assert [search["bbox"] for search in server.searches] == [list(BOUNDS)] * 2
    assert "collections" not in server.searches[0]


def test_a_collection_of_an_api_is_searched_alone(server: Server) -> None:
    collection = catalogue("Collection", root=server.root, items=f"{server.root}/collections/radar/items")
    server.documents = {
        "/": api(server),
        "/collections/radar": collection,
        "/search": {"type": "FeatureCollection", "features": [item("a", "https://host/a.tif")], "links": []},
    }
    scenes, _ = list_scenes(sar(f"{server.root}/collections/radar"), Path(), BOUNDS)
    assert len(scenes) == 1
    assert server.searches[0]["collections"] == ["root"]


def test_pages_of_items_are_followed(server: Server) -> None:
    page = {"type": "FeatureCollection", "features": [item("a")], "links": [{"rel": "next", "href": "/items?page=2"}]}
    server.documents = {"/items": page, "/items?page=2": {**page, "features": [item("b")]}}
    scenes, _ = list_scenes(sar(f"{server.root}/items"), Path())
    assert [scene.scene_id for scene in scenes] == ["a", "b"]


def test_an_api_that_fails_is_set_aside_and_one_without_bounds_is_a_mistake_of_ours(server: Server) -> None:
    server.documents = {"/": api(server)}
    scenes, (aside,) = list_scenes(sar(f"{server.root}/"), Path(), BOUNDS)
    assert scenes == []
    assert aside.reason.startswith("the API cannot be searched: APIError")
    with pytest.raises(ValueError, match="give list_scenes a bbox"):
        list_scenes(sar(f"{server.root}/"), Path())


def test_nobody_at_the_address_is_said() -> None:
    scenes, (aside,) = list_scenes(sar("http://127.0.0.1:9/item.json"), Path())
    assert scenes == []
    assert aside.reason.startswith("it cannot be read: ")
    _, (aside,) = list_scenes(sar("gopher://host/item.json"), Path())
    assert "gopher" in aside.reason


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3
    from moto.server import ThreadedMotoServer

    served = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="port")
    yield client
    served.stop()


def test_a_bucket_holds_items_and_files_like_a_folder(bucket: Any, tmp_path: Path) -> None:
    tiff = tmp_path / "x.tif"
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:32636"}
    with rasterio.open(tiff, "w", **profile, transform=from_origin(750000, 3930000, 10, 10)) as file:
        file.write(np.ones((1, 4, 4), dtype=np.uint8))
    bucket.put_object(Bucket="port", Key="items/a.json", Body=json.dumps(item("a", "../tiffs/a.tif")))
    bucket.put_object(Bucket="port", Key="items/b.json", Body=b"{")
    bucket.put_object(Bucket="port", Key="tiffs/20220103T034316_vv.tif", Body=tiff.read_bytes())
    scenes, (aside,) = list_scenes(sar("s3://port/items/*.json"), tmp_path)
    assert scenes[0].bands["vv"].href == "s3://port/tiffs/a.tif"
    assert aside.scene_id == "s3://port/items/b.json"
    assert len(list_scenes(sar("s3://port/items/a.json"), tmp_path)[0]) == 1
    scenes, aside_too = list_scenes(sar("s3://port/tiffs/"), tmp_path)
    assert ([scene.scene_id for scene in scenes], aside_too) == (["20220103T034316"], [])
    for pattern in ("s3://port/none/*.json", "s3://port/none/", "s3://no-such-bucket/*.json"):
        with pytest.raises(InputError, match="expected scenes at s3://"):
            list_scenes(sar(pattern), tmp_path)
    _, (aside,) = list_scenes(sar("s3://port/items/gone.json"), tmp_path)
    assert aside.reason.startswith("it cannot be read")


def test_gdal_is_told_of_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert "AWS_S3_ENDPOINT" not in gdal_options()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://store.example:9000/")
    assert gdal_options()["AWS_S3_ENDPOINT"] == "store.example:9000"
    assert gdal_options()["AWS_HTTPS"] == "YES"


def test_hrefs_start_from_their_document() -> None:
    assert resolve("/x/a.tif", "https://host/items/a.json") == "https://host/x/a.tif"
    assert resolve("/x/a.tif", "s3://bucket/items/a.json") == "s3://bucket/x/a.tif"
    assert resolve("file:///x/a%20b.tif", "https://host/a.json") == "/x/a b.tif"
    assert resolve("/vsis3/bucket/a.tif", "/data/a.json") == "/vsis3/bucket/a.tif"
