"""How the pages look: a theme of Gradio's variables, and the style sheets for everything beyond them."""
