"""Runs in the serving environment: SeldonClient of seldon-core against a gateway."""

import json
import sys

import numpy as np
from seldon_core.seldon_client import SeldonClient

endpoint, rows = sys.argv[1], np.array(json.loads(sys.argv[2]))
answers = []
for gateway in ("ambassador", "istio"):
    for payload in ("ndarray", "tensor"):
        for kind in ("dict", "proto"):
            client = SeldonClient(
                gateway=gateway,
                gateway_endpoint=endpoint,
                deployment_name="credit",
                namespace="acgs",
                payload_type=payload,
                client_return_type=kind,
            )
            found = client.predict(data=rows)
            assert found.success, found.msg
            data = found.response["data"] if kind == "dict" else found.response.data
            if kind == "dict":
                values = data["tensor"]["values"] if payload == "tensor" else data["ndarray"]
            else:
                values = data.tensor.values if payload == "tensor" else data.ndarray
            answers.append([int(value) for value in values])
            if kind == "proto":
                given = client.feedback(found.request, found.response, reward=1.0)
                assert given.success, given.msg
bad = client.predict(data=np.array([[1.0]]), client_return_type="proto")
print(json.dumps({"answers": answers, "bad": [bad.success, bad.response.status.info]}))
