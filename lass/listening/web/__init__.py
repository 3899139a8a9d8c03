"""The pages of the listening test, as Starlette routes: no framework in the browser, no request beyond this server."""
