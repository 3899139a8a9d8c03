"""What the pages do, as plain functions of plain values: no Gradio component and no visitor's state."""
