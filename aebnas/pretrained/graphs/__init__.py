"""Networks as graphs of tensor operations: exported, named after modules, counted, searched for cuts."""
