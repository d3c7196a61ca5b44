from bnn_engine.graph import Graph, Node
from bnn_engine.passes import Declined, Rewrite, run_passes
from bnn_engine.passes.base import merged_origins
from tests.support.onnx_models import graph_from_text, op_types


class DropDoubleNegation(Rewrite[Node]):
    """Neg(Neg(x)) = x, but not for names that start with "keep"."""

    op_types = frozenset({"Neg"})

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def match(self, graph: Graph, node: Node) -> Node | Declined | None:
        del graph
        source = node.inputs[0]
        if source is None or source.producer is None or source.producer.op_type != "Neg":
            return None
        return Declined("kept") if node.output.name.startswith("keep") else source.producer

    def rewrite(self, graph: Graph, node: Node, match: Node) -> None:
        assert match.inputs[0] is not None
        graph.replace_value(node.output, match.inputs[0])
        graph.remove(node)

    def declined(self, graph: Graph, node: Node, reason: str) -> None:
        del graph
        self.reasons.append(f"{node.output.name}: {reason}")


def test_matches_are_rewritten_and_reasons_reported() -> None:
    graph = graph_from_text(
        """g (float[N] x) => (float[N] y) {
            a = Neg(x)  b = Neg(a)  c = Neg(b)  keep = Neg(c)  y = Abs(keep)
        }"""
    )
    rewrite = DropDoubleNegation()
    run_passes(graph, [rewrite])
    assert op_types(graph) == ["Neg", "Neg", "Abs"]
    assert rewrite.reasons == ["keep: kept"]


def test_origins_keep_their_order_and_are_not_repeated() -> None:
    nodes = [Node("A", [], [], origins=("p", "q")), Node("B", [], [], origins=("q", "r"))]
    assert merged_origins(*nodes) == ("p", "q", "r")
