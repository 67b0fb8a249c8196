"""What every list needs: filters, orders, cursors, columns in memory."""
