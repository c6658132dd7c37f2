"""批量操作: the grid, the orders for many, the batches under way."""
