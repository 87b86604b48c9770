# The same as a CWL document. Of a folder that holds a catalog.json the results say {"StacCatalogUri": …}.
cwlVersion: v1.2
class: CommandLineTool
id: stac-catalog-cwl
label: A STAC catalog of one scene
baseCommand: stac-catalog
requirements:
  InitialWorkDirRequirement:
    listing:
      - entryname: inputs.json
        entry: '{"scene": "$(inputs.scene)"}'
  NetworkAccess:
    networkAccess: true
inputs:
  scene: {type: string, label: Where the file is}
outputs:
  wf_outputs: {type: Directory, outputBinding: {glob: .}}
