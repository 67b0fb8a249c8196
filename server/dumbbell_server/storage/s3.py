"""A bucket: bytes come in through the server, and go out by URLs that the bucket itself answers.

obstore moves the bytes; botocore signs, since obstore's `sign` cannot set the headers of the answer.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from obstore.store import S3Store

from dumbbell_server.storage.blobs import StoreBlobs

_LINK_LIFETIME = 3600  # seconds; whoever is cut off later asks us for a new one


class S3Blobs(StoreBlobs):
    """`url` is s3://bucket/prefix; keys, region and endpoint come from the usual `AWS_` variables.

    `public_url` is the endpoint as clients see it, where that is another.
    """

    def __init__(self, url: str, public_url: str | None = None) -> None:
        super().__init__(S3Store.from_url(url))
        place = urlsplit(url)
        self._bucket, self._prefix = place.netloc, place.path.strip("/")
        session = botocore.session.get_session()
        endpoint = public_url or session.get_config_variable("endpoint_url")
        config = Config(signature_version="s3v4", s3={"addressing_style": "path" if endpoint else "auto"})
        self._signer = session.create_client("s3", endpoint_url=endpoint, config=config)

    def link(self, key: str, mimetype: str, disposition: str) -> str | None:
        link: str = self._signer.generate_presigned_url("get_object", ExpiresIn=_LINK_LIFETIME, Params={
            "Bucket": self._bucket, "Key": f"{self._prefix}/{key}".lstrip("/"), "ResponseContentType": mimetype,
            "ResponseContentDisposition": disposition})
        return link
