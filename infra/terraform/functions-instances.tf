# Databases on request.
locals {
  instances = {
    # It waits for 25 seconds, and takes back what fails within four more.
    instance-create-mysql = {
      says    = "A MySQL on request."
      routes  = ["POST /mysql", "POST /mysql/"]
      timeout = 30
      config  = true
      secret  = true
      uses    = ["instances"]
      also    = ["databases", "ephemeral"]
    }

    instance-create-redis = {
      says    = "A Redis on request."
      routes  = ["POST /redis", "POST /redis/"]
      timeout = 30
      config  = true
      secret  = true
      uses    = ["instances"]
      also    = ["databases", "ephemeral"]
    }

    instance-list = {
      says   = "A user's databases of a kind."
      routes = ["GET /list/{kind}"]
      config = true
      secret = true
      finds  = ["instances/*"]
      reads  = ["instances/*"]
    }

    instance-detail = {
      says   = "One of a user's databases."
      routes = ["GET /detail/{dockerId}"]
      config = true
      secret = true
      finds  = ["instances/*"]
      reads  = ["instances/*"]
    }

    instance-delete = {
      says   = "Deletes a database with its data."
      routes = ["DELETE /detail/{dockerId}"]
      config = true
      secret = true
      uses   = ["instances"]
      also   = ["databases", "ephemeral"]
    }

    instance-restart = {
      says   = "Stops a database and starts it again."
      routes = ["POST /detail/{dockerId}/restart"]
      config = true
      secret = true
      uses   = ["instances"]
      also   = ["databases", "ephemeral"]
    }

    instance-rotate-password = {
      says   = "Gives a database another password."
      routes = ["POST /detail/{dockerId}/rotate-password"]
      config = true
      secret = true
      uses   = ["instances"]
      also   = ["databases", "ephemeral"]
    }

    # It works on one database for 40 seconds at most, on sixteen at once.
    reconcile-instances = {
      says    = "Finishes what requests have left of databases, and deletes those whose time is over."
      timeout = 300
      every   = "1 minute"
      config  = true
      secret  = true
      uses    = ["instances"]
      also    = ["databases", "ephemeral"]
    }
  }
}
