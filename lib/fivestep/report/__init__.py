"""From notebooks to what the client keeps: run, batch, run record, document, PDF, HTML, workbook, index."""
