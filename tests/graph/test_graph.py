import numpy as np
import pytest

from bnn_engine.graph import Graph, Node, Value

F32 = np.dtype(np.float32)


def chain() -> tuple[Graph, Value, Node, Node]:
    """x → Relu → Neg → output."""
    graph = Graph("g")
    x = graph.value("x", F32, ("N", 4))
    graph.inputs = [x]
    relu = graph.append(Node("Relu", [x], [graph.value("a", F32, ("N", 4))], name="r"))
    neg = graph.append(Node("Neg", [relu.output], [graph.value("y", F32, ("N", 4))], name="n"))
    graph.outputs = [neg.output]
    graph.check()
    return graph, x, relu, neg


def test_names_are_made_unique() -> None:
    graph = Graph()
    assert [graph.value("v").name for _ in range(3)] == ["v", "v_1", "v_2"]


def test_replace_value_keeps_the_name_of_an_output() -> None:
    graph, _, relu, neg = chain()
    graph.replace_value(neg.output, relu.output)
    graph.remove(neg)
    graph.check()
    assert [value.name for value in graph.outputs] == ["y"]
    assert graph.outputs[0] is relu.output


def test_replace_output_by_input_puts_a_copy_between() -> None:
    graph, x, _, neg = chain()
    graph.replace_value(neg.output, x)
    graph.remove_dead_nodes()
    graph.check()
    assert [(node.op_type, node.inputs[0]) for node in graph.nodes] == [("Identity", x)]
    assert graph.outputs[0].name == "y"
    assert graph.inputs[0].name == "x"


def test_replace_node_keeps_readers_and_output() -> None:
    graph, x, relu, neg = chain()
    middle = graph.value("m", F32, ("N", 4))
    graph.replace_node(
        relu, [Node("Abs", [x], [middle]), Node("Sqrt", [middle], relu.outputs, name="s")]
    )
    graph.check()
    assert [node.op_type for node in graph.nodes] == ["Abs", "Sqrt", "Neg"]
    assert neg.inputs[0] is not None
    assert neg.inputs[0].name == "a"
    assert [consumer.op_type for consumer in x.consumers] == ["Abs"]


def test_replace_node_refuses_another_output() -> None:
    graph, x, relu, _ = chain()
    with pytest.raises(AssertionError, match="do not compute the outputs"):
        graph.replace_node(relu, [Node("Abs", [x], [graph.value("other")])])


def test_remove_refuses_a_node_that_is_read() -> None:
    graph, _, relu, _ = chain()
    with pytest.raises(AssertionError, match="still has readers"):
        graph.remove(relu)


def test_fold_turns_outputs_into_constants() -> None:
    graph, _, relu, _ = chain()
    graph.fold(relu, [np.zeros((2, 4), np.float32)])
    graph.check()
    assert [value.name for value in graph.constants()] == ["a"]
    assert [node.op_type for node in graph.nodes] == ["Neg"]


def test_dead_chain_is_removed_at_once() -> None:
    graph, x, relu, _ = chain()
    for name in ("p", "q"):
        source = graph.nodes[-1].output if name == "q" else relu.output
        graph.append(Node("Abs", [source], [graph.value(name)]))
    assert graph.remove_dead_nodes() == 2
    graph.check()
    assert len(x.consumers) == 1


def test_a_value_read_twice_counts_twice() -> None:
    graph, _, relu, _ = chain()
    graph.append(Node("Mul", [relu.output, relu.output], [graph.value("sq")]))
    assert len(relu.output.consumers) == 3
    assert graph.single_consumer(relu.output) is None


def test_captured_values_follow_replacements() -> None:
    graph, x, relu, _ = chain()
    reader = graph.append(Node("If", [x], [graph.value("z")], captures={"outer": relu.output}))
    graph.outputs.append(reader.output)
    graph.replace_value(relu.output, x)
    graph.remove(relu)
    graph.check()
    assert reader.captures == {"outer": x}
    assert sum(consumer is reader for consumer in x.consumers) == 2


def test_check_finds_a_node_before_its_producer() -> None:
    graph, *_ = chain()
    graph.nodes.reverse()
    with pytest.raises(AssertionError, match="before it is defined"):
        graph.check()
