"""How the application is served: what stands beside Gradio's pages, in their heads, and at the end of it all."""
