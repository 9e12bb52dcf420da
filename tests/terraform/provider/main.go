// A provider that knows the arguments of another one (those that schema.py wrote to the file that PROVIDER_SCHEMA names) and
// does nothing: enough for `terraform validate`, and for `terraform test`, whose mocks stand for what a provider would do.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type     any
	Required bool
	Computed bool
}

type block struct {
	Many       bool
	Required   bool
	Attributes map[string]attribute
	Blocks     map[string]block
}

func valueType(described any) tftypes.Type {
	if pair, ok := described.([]any); ok {
		if pair[0] == "map" {
			return tftypes.Map{ElementType: valueType(pair[1])}
		}
		return tftypes.List{ElementType: valueType(pair[1])}
	}
	known := map[any]tftypes.Type{
		"string": tftypes.String, "number": tftypes.Number, "bool": tftypes.Bool, "dynamic": tftypes.DynamicPseudoType,
	}
	return known[described]
}

func (b block) schema() *tfprotov5.SchemaBlock {
	made := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		made.Attributes = append(made.Attributes, &tfprotov5.SchemaAttribute{
			Name:     name,
			Type:     valueType(a.Type),
			Required: a.Required,
			Optional: !a.Required && !a.Computed,
			// What is not said may be found out.
			Computed: !a.Required,
		})
	}
	for name, inner := range b.Blocks {
		nested := &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: inner.schema(), Nesting: tfprotov5.SchemaNestedBlockNestingModeList,
		}
		if !inner.Many {
			nested.MaxItems = 1
		}
		if inner.Required {
			nested.MinItems = 1
		}
		made.BlockTypes = append(made.BlockTypes, nested)
	}
	return made
}

func schemas(blocks map[string]block) map[string]*tfprotov5.Schema {
	made := map[string]*tfprotov5.Schema{}
	for name, b := range blocks {
		made[name] = &tfprotov5.Schema{Block: b.schema()}
	}
	return made
}

// Whatever Terraform asks beyond this is a mistake: the embedded interface is nil.
type server struct {
	tfprotov5.ProviderServer
	known map[string]map[string]block
}

// The provider's own settings, as far as versions.tf has them.
var settings = block{
	Attributes: map[string]attribute{"region": {Type: "string"}},
	Blocks: map[string]block{"default_tags": {
		Attributes: map[string]attribute{"tags": {Type: []any{"map", "string"}}},
	}},
}

func (s server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          &tfprotov5.Schema{Block: settings.schema()},
		ResourceSchemas:   schemas(s.known["resource"]),
		DataSourceSchemas: schemas(s.known["data"]),
	}, nil
}

func (s server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return &tfprotov5.GetMetadataResponse{}, nil
}

func (s server) PrepareProviderConfig(_ context.Context, asked *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: asked.Config}, nil
}

func (s server) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (s server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (s server) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (s server) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func main() {
	text, err := os.ReadFile(os.Getenv("PROVIDER_SCHEMA"))
	if err != nil {
		log.Fatal(err)
	}
	var s server
	if err := json.Unmarshal(text, &s.known); err != nil {
		log.Fatal(err)
	}
	if err := tf5server.Serve("hashicorp/aws", func() tfprotov5.ProviderServer { return s }); err != nil {
		log.Fatal(err)
	}
}
