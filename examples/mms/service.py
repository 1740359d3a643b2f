"""Handler of MXNet's Multi Model Server for compiled image classifiers.

An archive holds NAME-symbol.json and NAME-0000.params, signature.json (name and shape of the input, and how pixels
become numbers) and synset.txt (a class a line). A request's body is a JPEG or a PNG; the answer is a list of the five
likeliest classes, best first. Requests that the server puts together run as one batch.

SPDX-License-Identifier: Apache-2.0
"""

import json
from pathlib import Path

from mms.service import PredictionException

import mxnet as mx

TOP = 5


class ImageClassifier:
    """One compiled checkpoint in one worker process; the server calls handle() from one thread."""

    def __init__(self):
        self.module = None

    def initialize(self, context):
        """Load the archive that the server has unpacked."""
        folder = Path(context.system_properties["model_dir"])
        signature = json.loads((folder / "signature.json").read_text())["inputs"][0]
        self.name, self.channels = signature["data_name"], signature["data_shape"][1]
        self.height, self.width = signature["data_shape"][2:]
        self.mean, self.scale = signature.get("mean", [0] * self.channels), signature.get("scale", 1)
        self.classes = (folder / "synset.txt").read_text().splitlines()

        (symbol_file,) = folder.glob("*-symbol.json")
        prefix = str(symbol_file)[: -len("-symbol.json")]
        symbol, args, aux = mx.model.load_checkpoint(prefix, 0)
        self.module = mx.mod.Module(symbol, data_names=[self.name], label_names=None, context=mx.neuron())
        self.module.bind([(self.name, (1, self.channels, self.height, self.width))], for_training=False)
        self.module.set_params(args, aux, allow_missing=True, allow_extra=True)

    def preprocess(self, body):
        """Bytes of an image file to float32 (1, channels, height, width)."""
        try:
            image = mx.image.imdecode(body, flag=int(self.channels == 3))
        except (mx.MXNetError, TypeError) as error:
            raise PredictionException("expected a JPEG or PNG", 400) from error
        image = mx.image.imresize(image, self.width, self.height).astype("float32")
        image = (image - mx.nd.array(self.mean)) * self.scale
        return image.transpose((2, 0, 1)).expand_dims(0)

    def handle(self, requests, context):
        """One answer for each request. The server's first call brings none: it asks to load."""
        if self.module is None:
            self.initialize(context)
        if not requests:
            return []
        bodies = [next(request[k] for k in (self.name, "body") if k in request) for request in requests]
        batch = mx.nd.concat(*(self.preprocess(body) for body in bodies), dim=0)
        self.module.forward(mx.io.DataBatch([batch]), is_train=False)
        probabilities = self.module.get_outputs()[0].asnumpy()
        return [self.best(row) for row in probabilities]

    def best(self, row):
        """The likeliest classes of one image."""
        order = row.argsort()[::-1][:TOP]
        return [{"class": self.classes[i], "probability": float(row[i])} for i in order]


service = ImageClassifier()


def handle(data, context):
    """Entry point that the archive names."""
    return service.handle(data, context)
