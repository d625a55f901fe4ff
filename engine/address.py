"""Addresses of files: paths on this machine, `https://` and `s3://`, and patterns that stand for many.

An address is a string. A local one is an absolute path; a remote one keeps its scheme. `s3://` honours
AWS_ENDPOINT_URL and, like GDAL, AWS_NO_SIGN_REQUEST=YES for public buckets without credentials.
"""

import glob
import os
import posixpath
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

DOCUMENT_SUFFIXES = (".json", ".geojson")
IMAGE_SUFFIXES = (".tif", ".tiff")
_READERS = 16
"""Remote files fetched at once: enough to hide latency, few enough for any server."""


def is_remote(address: str) -> bool:
    """Whether an address has a scheme other than file.

    >>> is_remote("s3://bucket/a.json"), is_remote("/data/a.json"), is_remote("file:///data/a.json")
    (True, False, False)
    """
    return "://" in address and not address.startswith("file://")


def suffix(address: str) -> str:
    """The lower-case ending of the file's name, without a query.

    >>> suffix("https://host/a/B04.TIF?sig=x.y"), suffix("/data/port.v1/item.json")
    ('.tif', '.json')
    """
    path = urlsplit(address).path if is_remote(address) else address
    return posixpath.splitext(path)[1].lower()


def is_image(address: str) -> bool:
    """Whether an address names a GeoTIFF.

    >>> is_image("/data/a.TIFF"), is_image("/data/a.json")
    (True, False)
    """
    return suffix(address) in IMAGE_SUFFIXES


def resolve(href: str, document: str) -> str:
    """The address an `href` means when it is read in `document`.

    Parameters
    ----------
    href
        As written in a STAC document: relative or absolute, a path or with a scheme.
    document
        The address of that document.

    Returns
    -------
    str
        An absolute address.

    Examples
    --------
    >>> resolve("./a_vv.tif", "/data/items/a.json")
    '/data/items/a_vv.tif'
    >>> resolve("../a.tif", "s3://bucket/items/a.json")
    's3://bucket/a.tif'
    >>> resolve("https://host/a.tif", "/data/items/a.json")
    'https://host/a.tif'
    """
    if href.startswith("file://"):
        return unquote(urlsplit(href).path)
    if is_remote(href) or href.startswith("/vsi"):
        return href
    if document.startswith(("http://", "https://")):
        return urljoin(document, href)
    if is_remote(document):
        root = urlsplit(document)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(root.path), href))
        return f"{root.scheme}://{root.netloc}{path}"
    return os.path.normpath(os.path.join(os.path.dirname(document), href))


def absolute(pattern: str, base: Path) -> str:
    """A pattern of the run file made absolute; what is special to a glob in the base folder's own name is escaped.

    >>> absolute("scenes/*.json", Path("/data/[old]"))
    '/data/[[]old]/scenes/*.json'
    >>> absolute("https://host/stac", Path("/data"))
    'https://host/stac'
    """
    if is_remote(pattern):
        return pattern
    if pattern.startswith("file://"):
        return unquote(urlsplit(pattern).path)
    if os.path.isabs(pattern):
        return pattern
    folder = os.path.abspath(base)
    plain = os.path.join(folder, pattern)
    return plain if os.path.exists(plain) else os.path.join(glob.escape(folder), pattern)


def expand(pattern: str) -> dict[str, bool]:
    """All addresses that an absolute pattern stands for: itself, a glob's matches, or the scenes below a folder.

    A folder, named or matched by a glob, stands for the JSON documents and GeoTIFFs in it and in the folders below
    it. Files of other kinds are passed over.

    Parameters
    ----------
    pattern
        From :func:`absolute`.

    Returns
    -------
    dict of str to bool
        Each address, sorted, and whether the pattern names the file itself rather than a folder above it. Empty when
        nothing matches. `http(s)://` has no globs and is returned as it is.

    Raises
    ------
    OSError
        When a bucket cannot be listed.
    """
    if pattern.startswith("s3://"):
        return _expand_s3(pattern)
    if is_remote(pattern):
        return {pattern: True}
    found: dict[str, bool] = {}
    for path in [pattern] if os.path.exists(pattern) else glob.glob(pattern, recursive=True):
        if os.path.isdir(path):
            found = {os.path.normpath(below): False for below in _below(path)} | found
        elif path == pattern or _may_be_scene(path):
            found[os.path.normpath(path)] = True
    return dict(sorted(found.items()))


def _may_be_scene(address: str) -> bool:
    return suffix(address) in DOCUMENT_SUFFIXES + IMAGE_SUFFIXES


def _below(folder: str) -> list[str]:
    return [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names if _may_be_scene(name)]


def _expand_s3(pattern: str) -> dict[str, bool]:
    """Of a bucket's keys, a pattern that ends as no scene does is a folder."""
    is_glob = glob.has_magic(pattern)
    if not is_glob and _may_be_scene(pattern):
        return {pattern: True}
    try:
        keys = file_system(pattern).glob(pattern) if is_glob else file_system(pattern).find(pattern)
    except FileNotFoundError:
        return {}
    return {f"s3://{key}": is_glob for key in sorted(keys) if _may_be_scene(key)}


def file_system(address: str) -> Any:
    """The fsspec file system of a remote address."""
    import fsspec

    if not address.startswith("s3://"):
        return fsspec.filesystem(urlsplit(address).scheme)
    return fsspec.filesystem(
        "s3",
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        anon=os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "1"),
    )


def gdal_options() -> dict[str, str]:
    """What `rasterio.Env` needs to read the same `s3://` addresses: GDAL does not know AWS_ENDPOINT_URL.

    >>> gdal_options()["GDAL_DISABLE_READDIR_ON_OPEN"]
    'EMPTY_DIR'
    """
    # Without this GDAL lists the whole folder beside each file, a slow request on object stores.
    options = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        options |= {
            "AWS_S3_ENDPOINT": parts.netloc + parts.path.rstrip("/"),
            "AWS_HTTPS": "YES" if parts.scheme == "https" else "NO",
            "AWS_VIRTUAL_HOSTING": "FALSE",
        }
    return options


def read_bytes(address: str) -> bytes:
    """The whole content of a file.

    Raises
    ------
    OSError
        When it is not there or cannot be fetched, saying so in its own words.
    """
    if not is_remote(address):
        return Path(address).read_bytes()
    import aiohttp

    try:
        return bytes(file_system(address).cat_file(address))
    except (aiohttp.ClientError, ValueError) as error:  # not all of these are OSError; ValueError: no such protocol
        raise OSError(f"{type(error).__name__}: {error}") from error


def read_all(addresses: Iterable[str]) -> Iterator[tuple[str, bytes | OSError]]:
    """Each address with its content, or with what went wrong; remote files are fetched side by side."""

    def attempt(address: str) -> tuple[str, bytes | OSError]:
        try:
            return address, read_bytes(address)
        except OSError as error:
            return address, error

    listed = list(addresses)
    if not any(is_remote(address) for address in listed):
        yield from map(attempt, listed)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(attempt, listed)
