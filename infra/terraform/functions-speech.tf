# Speech: texts that become tracks.
locals {
  speech = {
    speech-route = {
      says   = "Gives a route a text."
      routes = ["POST /route_to_audio", "POST /route_to_audio/"]
      config = true
      uses   = ["speech"]
    }

    speech-string = {
      says   = "Gives a route a plain text."
      routes = ["POST /string_to_audio", "POST /string_to_audio/"]
      config = true
      uses   = ["speech"]
    }

    speech-track = {
      says   = "Tells how far a route is."
      routes = ["POST /get_track_for_route", "POST /get_track_for_route/"]
      uses   = ["speech"]
    }

    speech-download = {
      says   = "A track."
      routes = ["GET /audio/{name}"]
      door   = "stream"
      finds  = ["audio/*"]
      reads  = ["audio/*"]
    }

    # Deletes lines that their routes have left.
    speech-list = {
      says    = "The list of routes."
      routes  = ["GET /api/speech"]
      finds   = ["audio/*", "speech/lines/*"]
      reads   = ["speech/*"]
      deletes = ["speech/lines/*"]
    }

    # The client listens at its own pace.
    speech-speak = {
      says    = "Text becomes sound while the client listens."
      routes  = ["POST /v1/audio/speech"]
      door    = "stream"
      memory  = 1024
      timeout = 900
      config  = true
      also    = ["polly"]
    }

    # The processor comes with memory: this is one whole.
    render-speech = {
      says    = "Renders texts that were accepted."
      memory  = 1769
      timeout = 900
      queue   = "spoken"
      every   = "1 minute"
      config  = true
      uses    = ["speech"]
      also    = ["polly"]
    }
  }
}
