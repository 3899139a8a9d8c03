"""Parts that pages are put together from: components, pieces of HTML, the player, the bar to other pages."""
