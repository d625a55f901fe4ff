"""Where STAC items come from: single items, item collections, catalogues that link to items, and search APIs.

A document is anything that JSON at an address may be; walking it ends at items, each with the address that its
relative hrefs start from. Catalogues are walked through the same addresses as files, so they may lie on `s3://` too.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from berthwatch.address import is_remote, read_all, resolve

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Found:
    """An item's JSON and the address it starts from."""

    address: str
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unusable:
    """A document that is no item and leads to none. `foreign`: it is JSON, but not STAC."""

    address: str
    reason: str
    foreign: bool = False


def walk(addresses: Iterable[str], bbox: Bounds | None) -> Iterator[Found | Unusable]:
    """All items that documents are or lead to, level by level, each document read once.

    Parameters
    ----------
    addresses
        Of items, item collections, catalogues, collections or APIs.
    bbox
        West, south, east, north in degrees: what to ask an API for.

    Yields
    ------
    Found or Unusable
        Items, and documents that cannot be used with the reason.
    """
    level, visited = list(dict.fromkeys(addresses)), set[str]()
    while level:
        visited.update(level)
        linked: dict[str, None] = {}
        for address, content in read_all(level):
            if isinstance(content, OSError):
                yield Unusable(address, f"it cannot be read: {_said(content)}")
                continue
            try:
                document = json.loads(content)
            except (ValueError, RecursionError) as error:
                yield Unusable(address, f"it is not JSON: {error}")
                continue
            yield from _items(address, document, bbox)
            linked |= dict.fromkeys(_links_onward(address, document))
        level = [address for address in linked if address not in visited]


def _said(error: OSError) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else error.strerror or str(error) or repr(error)


def _items(address: str, document: Any, bbox: Bounds | None) -> Iterator[Found | Unusable]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Feature" and ("stac_version" in document or "assets" in document):
        yield Found(address, document)
    elif kind == "FeatureCollection" and isinstance(document.get("features"), list):
        for number, feature in enumerate(document["features"]):
            if isinstance(feature, dict) and ("stac_version" in feature or "assets" in feature):
                yield Found(_own_address(address, feature), feature)
            else:
                yield Unusable(f"{address} features[{number}]", "it is not a STAC item", foreign=True)
    elif _is_api(address, document):
        yield from _search(address, document, bbox)
    elif not _is_catalogue(document):
        expected = "expected a STAC item, an item collection, a catalogue or an API"
        yield Unusable(address, f"{expected}; got JSON of type {kind!r}", foreign=True)


def _own_address(address: str, feature: Mapping[str, Any]) -> str:
    """An item inside a collection knows its own address by its self link, if it has one that is remote."""
    href = next((link["href"] for link in _links(feature) if link.get("rel") == "self"), None)
    return href if href is not None and is_remote(href) else address


def _links(document: Any) -> Iterator[Mapping[str, Any]]:
    links = document.get("links") if isinstance(document, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and isinstance(link.get("href"), str):
            yield link


def _is_catalogue(document: Any) -> bool:
    """Before 1.0.0-rc.1 catalogues have no type, but an id, a version and links."""
    if not isinstance(document, dict):
        return False
    return document.get("type") in ("Catalog", "Collection") or ("stac_version" in document and "links" in document)


def _is_api(address: str, document: Any) -> bool:
    """Served over http, with a search link or, for a collection of an API, an items link."""
    if not address.startswith(("http://", "https://")) or not _is_catalogue(document):
        return False
    return any(link.get("rel") in ("search", "items") for link in _links(document))


def _links_onward(address: str, document: Any) -> Iterator[str]:
    """Of a catalogue, its children and items; of a page of items, the next page."""
    if _is_api(address, document):
        return
    paged = isinstance(document, dict) and document.get("type") == "FeatureCollection"
    wanted = ("next",) if paged else ("child", "item") if _is_catalogue(document) else ()
    for link in _links(document):
        # A next link with a body is for POST only; search results saved to a file are complete as they are.
        if link.get("rel") in wanted and "body" not in link and (not paged or is_remote(address)):
            yield resolve(link["href"], address)


def _search(address: str, document: Mapping[str, Any], bbox: Bounds | None) -> Iterator[Found | Unusable]:
    """Ask an API for the items that touch `bbox`; of one collection only where the address is a collection's."""
    import pystac
    import pystac_client
    import requests

    if bbox is None:
        raise ValueError(f"an API is searched within bounds: give list_scenes a bbox for {address}")
    collections = [document["id"]] if document.get("type") == "Collection" else None
    root = next((link["href"] for link in _links(document) if link.get("rel") == "root"), address)
    try:
        client = pystac_client.Client.open(urljoin(address, root) if collections else address)
        for item in client.search(bbox=bbox, collections=collections).items_as_dicts():
            yield Found(_own_address(address, item), item)
    except (
        requests.RequestException,
        pystac_client.exceptions.APIError,
        pystac.STACError,
        NotImplementedError,  # the API says it cannot search
        ValueError,
        KeyError,
    ) as error:
        yield Unusable(address, f"the API cannot be searched: {type(error).__name__}: {error}")
